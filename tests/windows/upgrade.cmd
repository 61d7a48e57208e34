@echo off
rem Installs this folder's version over an installed one. 0: this version runs. 1: it does not.
rem 2: a precondition is not met. /check only looks. Log: %TEMP%\dmusmini-upgrade.log
setlocal
call "%~dp0common.cmd" upgrade %*
if errorlevel 1 exit /b 2
"%DMUSCTL%" status > "%ANSWER%" 2>&1
find "service: not installed" "%ANSWER%" >nul
if not errorlevel 1 (
    call :say no version is installed: run install.cmd
    exit /b 2
)
set "VERSION="
for /f "tokens=2" %%v in ('"%DMUSCTL%" --version') do set "VERSION=%%v.0"
if "%VERSION%"=="" (
    call :say dmusctl does not say its version
    exit /b 2
)
if defined CHECK (
    call :say everything that upgrade.cmd needs is here
    exit /b 0
)
call :say upgrading to %VERSION%
"%DMUSCTL%" install --inf "%PACKAGE%\dmusmini.inf" > "%INSTALLED%" 2>&1
set "CODE=%ERRORLEVEL%"
type "%INSTALLED%" >> "%LOG%"
if not "%CODE%"=="0" goto failed
find "restart" "%INSTALLED%" >nul
if not errorlevel 1 (
    call :say %VERSION% is installed, and runs after a restart of the machine
    exit /b 1
)
"%DMUSCTL%" status > "%ANSWER%" 2>&1
if errorlevel 1 goto failed
find "%VERSION%" "%ANSWER%" >nul
if errorlevel 1 goto failed
call :say %VERSION% is installed and started
exit /b 0

:failed
call :say %VERSION% does not run, see %LOG%
exit /b 1

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
