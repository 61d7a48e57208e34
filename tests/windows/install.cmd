@echo off
rem Installs the driver package and creates the root-enumerated synthesizer.
rem 0: installed. 1: something failed. 2: a precondition is not met. Log: %TEMP%\dmusmini-install.log
setlocal
call "%~dp0common.cmd" install
if errorlevel 1 exit /b 2

bcdedit /enum {current} | findstr /i /r "testsigning.*Yes" >nul
if errorlevel 1 (
    call :say test signing is off: bcdedit /set testsigning on, then restart
    exit /b 2
)

call :say adding the package to the driver store
pnputil /add-driver "%PACKAGE%\dmusmini.inf" /install >> "%LOG%" 2>&1
rem 3010: done, a restart is asked for. 259: nothing to do, no device needs it yet.
if not errorlevel 1 goto added
if errorlevel 3010 if not errorlevel 3011 goto added
if errorlevel 259 if not errorlevel 260 goto added
call :say pnputil failed with %ERRORLEVEL%, see %LOG%
exit /b 1

:added
pnputil /enum-devices /class MEDIA | findstr /i /c:"dmusmini Synthesizer" >nul
if not errorlevel 1 (
    call :say the synthesizer is there already
    goto check
)
where devgen >nul 2>&1
if not errorlevel 1 (
    call :say creating ROOT\dmusmini with devgen
    devgen /add /bus ROOT /hardwareid ROOT\dmusmini >> "%LOG%" 2>&1
    if errorlevel 1 goto failed
    pnputil /scan-devices >> "%LOG%" 2>&1
    goto check
)
where devcon >nul 2>&1
if not errorlevel 1 (
    call :say creating ROOT\dmusmini with devcon
    devcon install "%PACKAGE%\dmusmini.inf" ROOT\dmusmini >> "%LOG%" 2>&1
    if errorlevel 1 goto failed
    goto check
)
call :say neither devgen nor devcon is here: only an MPU-401 that the machine has will start
exit /b 2

:check
sc query dmusmini | findstr /i "RUNNING" >nul
if errorlevel 1 goto failed
call :say installed and running
exit /b 0

:failed
call :say failed, see %LOG% and %windir%\inf\setupapi.dev.log
exit /b 1

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
