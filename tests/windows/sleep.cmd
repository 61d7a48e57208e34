@echo off
rem Sleep (S3, where there is one) and hibernate (S4) cycles with pwrtest from the WDK; 5 of each, or
rem as many as the first argument says; the driver is tested after each kind. Play something meanwhile.
rem 0: it works after all cycles. 1: it does not. 2: a precondition is not met. /check only looks.
rem Log: %TEMP%\dmusmini-sleep.log
setlocal
call "%~dp0common.cmd" sleep %*
if errorlevel 1 exit /b 2
set "FOUND="
for %%p in (pwrtest.exe) do set "FOUND=%%~$PATH:p"
if "%FOUND%"=="" (
    call :say pwrtest is not here; it is in the WDK
    exit /b 2
)
"%DMUSCTL%" status >> "%LOG%" 2>&1
if errorlevel 1 (
    call :say no device is started: run install.cmd
    exit /b 2
)
if defined CHECK (
    call :say everything that sleep.cmd needs is here
    exit /b 0
)
set "TIMES=%~1"
if "%TIMES%"=="" set "TIMES=5"
powercfg /a > "%ANSWER%" 2>&1
find "(S3)" "%ANSWER%" >nul
if not errorlevel 1 (
    pwrtest /sleep /s:3 /c:%TIMES% /d:30 /p:30 >> "%LOG%" 2>&1
    if errorlevel 1 goto failed
    "%DMUSCTL%" selftest >> "%LOG%" 2>&1
    if errorlevel 1 goto failed
)
pwrtest /sleep /s:4 /c:%TIMES% /d:30 /p:60 >> "%LOG%" 2>&1
if errorlevel 1 goto failed
"%DMUSCTL%" selftest >> "%LOG%" 2>&1
if errorlevel 1 goto failed
call :say the driver works after all cycles
exit /b 0

:failed
call :say failed, see %LOG%
exit /b 1

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
