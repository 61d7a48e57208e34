@echo off
rem Disables and enables every dmusmini device, 100 times or as often as the first argument says.
rem 0: each came back each time. 1: one did not.
setlocal enabledelayedexpansion
call "%~dp0common.cmd" stress
if errorlevel 1 exit /b 2
set "TIMES=%~1"
if "%TIMES%"=="" set TIMES=100
set DEVICES=0
for %%h in ("ROOT\dmusmini" "ACPI\PNPB006" "*PNPB006") do (
    for /f "tokens=2,* delims=:" %%a in ('pnputil /enum-devices /deviceid %%h ^| findstr /i "Instance"') do (
        for /f "tokens=* delims= " %%i in ("%%a") do (
            set /a DEVICES+=1
            call :device "%%i"
            if errorlevel 1 exit /b 1
        )
    )
)
if "%DEVICES%"=="0" (
    call :say no device is installed
    exit /b 2
)
call :say %DEVICES% devices, %TIMES% times each
exit /b 0

:device
for /l %%n in (1,1,%TIMES%) do (
    pnputil /disable-device "%~1" >> "%LOG%" 2>&1
    if errorlevel 1 goto broken
    pnputil /enable-device "%~1" >> "%LOG%" 2>&1
    if errorlevel 1 goto broken
)
exit /b 0

:broken
call :say %~1 did not come back, see %LOG%
exit /b 1

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
