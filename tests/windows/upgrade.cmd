@echo off
rem Installs this folder's version over an installed one. 0: this version runs. 1: it does not.
rem 2: a precondition is not met. /check only looks. Log: %TEMP%\dmusmini-upgrade.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd upgrade
if errorlevel 1 exit /b 2
"%DMUSCTL%" status > "%ANSWER%" 2>&1
"%FIND%" "service: not installed" "%ANSWER%" >nul
if not errorlevel 1 (
    call :say no version is installed: run install.cmd
    exit /b 2
)
rem Through a file: "for" would start the program by itself only from a folder without parentheses and ampersands in its name.
set "VERSION="
"%DMUSCTL%" --version > "%ANSWER%" 2>nul
for /f "usebackq tokens=2" %%v in ("%ANSWER%") do set "VERSION=%%v.0"
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
rem What the installation started may hold the file open; a copy can be read.
copy /y "%INSTALLED%" "%ANSWER%" >nul
type "%ANSWER%" >> "%LOG%"
if not "%CODE%"=="0" (
    type "%ANSWER%"
    goto failed
)
"%FIND%" "restart" "%ANSWER%" >nul
if not errorlevel 1 (
    call :say %VERSION% is installed, and runs after a restart of the machine
    exit /b 1
)
"%DMUSCTL%" status > "%ANSWER%" 2>&1
set "CODE=%ERRORLEVEL%"
type "%ANSWER%" >> "%LOG%"
if not "%CODE%"=="0" (
    type "%ANSWER%"
    goto failed
)
"%FIND%" " %VERSION%" "%ANSWER%" >nul
if errorlevel 1 goto failed
call :say %VERSION% is installed and started
exit /b 0

:failed
call :say %VERSION% does not run, see "%LOG%"
exit /b 1

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
