@echo off
rem Sleep (S3), hibernate (S4) and modern standby cycles with pwrtest from the WDK, of each kind that this machine has; 5 of each,
rem or as many as the first argument says; the driver is tested after each kind. Play something meanwhile.
rem 0: it works after all cycles. 1: it does not. 2: a precondition is not met. /check only looks.
rem Log: %TEMP%\dmusmini-sleep.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd sleep 5
if errorlevel 1 exit /b 2
set "FOUND="
for %%p in (pwrtest.exe) do set "FOUND=%%~$PATH:p"
if "%FOUND%"=="" (
    call :say pwrtest is not here; it is in the WDK
    exit /b 2
)
"%DMUSCTL%" status >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" (
    call :say no device is started: run install.cmd
    exit /b 2
)
rem Not by powercfg: it names S3 too where it says what this machine does not have.
"%DMUSCTL%" sleep > "%ANSWER%" 2>&1
set "CODE=%ERRORLEVEL%"
type "%ANSWER%" >> "%LOG%"
if not "%CODE%"=="0" (
    call :say this machine has no sleep state; powercfg /hibernate on, as administrator, allows S4
    exit /b 2
)
if defined CHECK (
    call :say everything that sleep.cmd needs is here
    exit /b 0
)
"%FIND%" "S3" "%ANSWER%" >nul
if errorlevel 1 goto hibernate
pwrtest /sleep /s:3 /c:%TIMES% /d:30 /p:30 >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto failed
"%DMUSCTL%" selftest >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto failed

:hibernate
"%FIND%" "S4" "%ANSWER%" >nul
if errorlevel 1 goto standby
pwrtest /sleep /s:4 /c:%TIMES% /d:30 /p:60 >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto failed
"%DMUSCTL%" selftest >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto failed

:standby
"%FIND%" "modern standby" "%ANSWER%" >nul
if errorlevel 1 goto finished
rem It presses the power button by a driver of WDTF, which comes with the WDK.
pwrtest /cs /c:%TIMES% /d:30 /p:30 >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto failed
"%DMUSCTL%" selftest >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto failed

:finished
call :say the driver works after all cycles
exit /b 0

:failed
call :say failed, see "%LOG%"
exit /b 1

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
