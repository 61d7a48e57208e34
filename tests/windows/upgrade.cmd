@echo off
rem Installs this folder's version over an installed one. 0: this version runs. 1: it does not.
setlocal
call "%~dp0common.cmd" upgrade
if errorlevel 1 exit /b 2
sc query dmusmini >nul 2>&1
if errorlevel 1 (
    call :say no version is installed: run install.cmd
    exit /b 2
)
for /f "tokens=2 delims==," %%v in ('findstr /i /b "DriverVer" "%PACKAGE%\dmusmini.inf"') do set "DATE_NEW=%%v"
for /f "tokens=2 delims=," %%v in ('findstr /i /b "DriverVer" "%PACKAGE%\dmusmini.inf"') do set "VERSION_NEW=%%v"
call :say upgrading to %VERSION_NEW%
pnputil /add-driver "%PACKAGE%\dmusmini.inf" /install >> "%LOG%" 2>&1
pnputil /enum-drivers | findstr /i /c:"%VERSION_NEW%" >nul
if errorlevel 1 (
    call :say %VERSION_NEW% is not in the driver store, see %LOG%
    exit /b 1
)
sc query dmusmini | findstr /i "RUNNING" >nul
if errorlevel 1 (
    call :say the driver does not run, see %LOG%
    exit /b 1
)
call :say %VERSION_NEW% is installed
exit /b 0

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
