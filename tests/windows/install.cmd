@echo off
rem Installs the driver package and makes the root-enumerated synthesizer.
rem 0: installed and started. 1: something failed, or runs only after a restart. 2: a precondition is not met.
rem /check only looks. Log: %TEMP%\dmusmini-install.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd install
if errorlevel 1 exit /b 2
rem What Windows was started with, in every language of Windows.
reg query HKLM\SYSTEM\CurrentControlSet\Control /v SystemStartOptions > "%ANSWER%" 2>&1
"%FIND%" "TESTSIGNING" "%ANSWER%" >nul
if errorlevel 1 (
    call :say test signing is off: bcdedit /set testsigning on, then restart
    exit /b 2
)
if defined CHECK (
    call :say everything that install.cmd needs is here
    exit /b 0
)

set "RESTART="
call :say installing the synthesizer
"%DMUSCTL%" install --inf "%PACKAGE%\dmusmini.inf" > "%INSTALLED%" 2>&1
set "CODE=%ERRORLEVEL%"
rem What the installation started may hold the file open; a copy can be read.
copy /y "%INSTALLED%" "%ANSWER%" >nul
type "%ANSWER%" >> "%LOG%"
if not "%CODE%"=="0" (
    type "%ANSWER%"
    goto failed
)
"%FIND%" "restart" "%ANSWER%" >nul
if not errorlevel 1 set "RESTART=1"

rem An MPU-401 that the firmware reports is found by Windows itself, once the package is in its store. One whose node was removed
rem with an earlier installation comes back when Windows looks for devices.
set "FOUND="
for %%p in (pnputil.exe) do set "FOUND=%%~$PATH:p"
if "%FOUND%"=="" goto installed
call :say offering the package to an MPU-401
pnputil /scan-devices >> "%LOG%" 2>&1
pnputil /add-driver "%PACKAGE%\dmusmini.inf" /install >> "%LOG%" 2>&1
set "CODE=%ERRORLEVEL%"
rem 259: nothing to do, no device needs it. 3010: done, a restart is asked for. What cannot be done may be a negative number.
if "%CODE%"=="3010" set "RESTART=1"
for %%c in (0 259 3010) do if "%CODE%"=="%%c" goto installed
call :say pnputil ended with %CODE%
goto failed

:installed
if defined RESTART (
    call :say installed, and runs after a restart of the machine
    exit /b 1
)
"%DMUSCTL%" status > "%ANSWER%" 2>&1
set "CODE=%ERRORLEVEL%"
type "%ANSWER%" >> "%LOG%"
if not "%CODE%"=="0" (
    type "%ANSWER%"
    goto failed
)
call :say installed and started; dmusctl selftest says whether all of it works
exit /b 0

:failed
call :say failed, see "%LOG%", %windir%\inf\setupapi.dev.log and the table in README-INSTALL.md
exit /b 1

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
