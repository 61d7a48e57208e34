@echo off
rem Disables and enables every dmusmini device, 100 times or as often as the first argument says, and
rem tests the driver after every tenth time and at the end. 0: it came back each time. 1: it did not.
rem 2: a precondition is not met. /check only looks. Log: %TEMP%\dmusmini-stress.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd stress 100
if errorlevel 1 exit /b 2
"%DMUSCTL%" status >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" (
    call :say no device is started: run install.cmd
    exit /b 2
)
if defined CHECK (
    call :say everything that stress.cmd needs is here
    exit /b 0
)
set "DONE=0"
set "SINCE=0"

:again
if %DONE% geq %TIMES% goto finished
rem A program that crashes ends with a negative number, which "if errorlevel 1" takes for success.
"%DMUSCTL%" disable >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto broken
"%DMUSCTL%" enable >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto broken
set /a DONE+=1
set /a SINCE+=1
if %SINCE% lss 10 goto again
set "SINCE=0"
"%DMUSCTL%" selftest >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto broken
goto again

:finished
"%DMUSCTL%" selftest >> "%LOG%" 2>&1
if not "%ERRORLEVEL%"=="0" goto broken
call :say %TIMES% times, and it works
exit /b 0

:broken
call :say it did not come back after %DONE% times, see "%LOG%"
exit /b 1

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
