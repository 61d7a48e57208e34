@echo off
rem Installs the driver package and makes the root-enumerated synthesizer.
rem 0: installed and started. 1: something failed. 2: a precondition is not met.
rem /check only looks. Log: %TEMP%\dmusmini-install.log
setlocal
call "%~dp0common.cmd" install %*
if errorlevel 1 exit /b 2

rem What Windows was started with, in every language of Windows.
reg query HKLM\SYSTEM\CurrentControlSet\Control /v SystemStartOptions > "%ANSWER%" 2>&1
find "TESTSIGNING" "%ANSWER%" >nul
if errorlevel 1 (
    call :say test signing is off: bcdedit /set testsigning on, then restart
    exit /b 2
)
if defined CHECK (
    call :say everything that install.cmd needs is here
    exit /b 0
)

call :say installing the synthesizer
"%DMUSCTL%" install --inf "%PACKAGE%\dmusmini.inf" > "%INSTALLED%" 2>&1
set "CODE=%ERRORLEVEL%"
type "%INSTALLED%" >> "%LOG%"
if not "%CODE%"=="0" goto failed

rem An MPU-401 that the firmware reports is found by Windows itself, once the package is in its store.
set "FOUND="
for %%p in (pnputil.exe) do set "FOUND=%%~$PATH:p"
if "%FOUND%"=="" goto installed
call :say offering the package to an MPU-401
pnputil /add-driver "%PACKAGE%\dmusmini.inf" /install >> "%LOG%" 2>&1
rem 3010: done, a restart is asked for. 259: nothing to do, no device needs it.
if not errorlevel 1 goto installed
if errorlevel 3010 if not errorlevel 3011 goto installed
if errorlevel 259 if not errorlevel 260 goto installed
goto failed

:installed
"%DMUSCTL%" status >> "%LOG%" 2>&1
if errorlevel 1 goto failed
call :say installed and started; dmusctl selftest says whether all of it works
exit /b 0

:failed
call :say failed, see %LOG% and %windir%\inf\setupapi.dev.log
exit /b 1

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
