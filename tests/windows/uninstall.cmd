@echo off
rem Removes the devices, the package and the service. 0: nothing is left. 1: something is.
rem 2: a precondition is not met. /check only looks. Log: %TEMP%\dmusmini-uninstall.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd uninstall
if errorlevel 1 exit /b 2
if defined CHECK (
    call :say everything that uninstall.cmd needs is here
    exit /b 0
)

"%DMUSCTL%" uninstall > "%ANSWER%" 2>&1
set "CODE=%ERRORLEVEL%"
type "%ANSWER%" >> "%LOG%"
if not "%CODE%"=="0" (
    type "%ANSWER%"
    call :say failed, see "%LOG%"
    exit /b 1
)
"%FIND%" "restart" "%ANSWER%" >nul
if not errorlevel 1 (
    call :say something has a device open; restart the machine and run this again
    exit /b 1
)
"%DMUSCTL%" status > "%ANSWER%" 2>&1
"%FIND%" "service: not installed" "%ANSWER%" >nul
if errorlevel 1 (
    call :say the service is still there; restart the machine and run this again
    exit /b 1
)
call :say nothing is left
exit /b 0

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
