@echo off
rem Shared by the scripts: call "%~dp0common.cmd" NAME %*
rem Sets PACKAGE, DMUSCTL, LOG, and two files to look into: ANSWER, and INSTALLED for what "dmusctl install" says, which nothing
rem else is written to: what an installation starts may hold it open. Sets CHECK when the script's first argument is /check: then it
rem only looks whether everything that it needs is here. Returns 2 when a precondition is not met.
set "PACKAGE=%~dp0.."
set "DMUSCTL=%~dp0..\dmusctl.exe"
set "LOG=%TEMP%\dmusmini-%~1.log"
set "ANSWER=%TEMP%\dmusmini-%~1.txt"
set "INSTALLED=%TEMP%\dmusmini-%~1-installed.txt"
set "CHECK="
if /i "%~2"=="/check" set "CHECK=1"
echo %~1 started %DATE% %TIME%> "%LOG%"
if not exist "%PACKAGE%\dmusmini.inf" (
    call :say dmusmini.inf is not in the folder above this script
    exit /b 2
)
if not exist "%DMUSCTL%" (
    call :say dmusctl.exe is not in the folder above this script
    exit /b 2
)
rem Only administrators with all their rights may read the hive of the local service.
reg query HKU\S-1-5-19 >nul 2>&1
if errorlevel 1 (
    call :say run this script in an elevated command prompt
    exit /b 2
)
exit /b 0

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
