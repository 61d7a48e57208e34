@echo off
rem Removes the devices and the package. 0: nothing is left. 1: something is. 2: precondition.
setlocal enabledelayedexpansion
call "%~dp0common.cmd" uninstall
if errorlevel 1 exit /b 2

set FOUND=0
for /f "tokens=1,* delims=:" %%a in ('pnputil /enum-drivers') do (
    set "KEY=%%a"
    set "VALUE=%%b"
    for /f "tokens=* delims= " %%v in ("!VALUE!") do set "VALUE=%%v"
    if /i "!VALUE:~0,3!"=="oem" set "OEM=!VALUE!"
    if /i "!VALUE!"=="dmusmini.inf" (
        set FOUND=1
        call :say removing !OEM! and its devices
        pnputil /delete-driver !OEM! /uninstall /force >> "%LOG%" 2>&1
    )
)
if "%FOUND%"=="0" call :say the package is not installed

where devgen >nul 2>&1
if not errorlevel 1 (
    for /f "tokens=*" %%d in ('pnputil /enum-devices /deviceid ROOT\dmusmini ^| findstr /i "ROOT\\"') do (
        for %%i in (%%d) do set "INSTANCE=%%i"
        devgen /remove "!INSTANCE!" >> "%LOG%" 2>&1
    )
)

sc query dmusmini >nul 2>&1
if not errorlevel 1 (
    call :say the service is still there; restart the machine and run this again
    exit /b 1
)
call :say nothing is left
exit /b 0

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
