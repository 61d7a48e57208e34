@echo off
rem Shared by the scripts: call "%~dp0common.cmd" NAME. Sets LOG and PACKAGE, checks for elevation.
rem Returns 2 when a precondition is not met.
set "PACKAGE=%~dp0.."
set "LOG=%TEMP%\dmusmini-%~1.log"
echo %~1 started %DATE% %TIME%> "%LOG%"
if not exist "%PACKAGE%\dmusmini.inf" (
    call :say dmusmini.inf is not in the folder above this script
    exit /b 2
)
fsutil dirty query %SystemDrive% >nul 2>&1
if errorlevel 1 (
    call :say run this script in an elevated command prompt
    exit /b 2
)
exit /b 0

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
