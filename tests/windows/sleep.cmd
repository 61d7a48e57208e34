@echo off
rem Sleep (S3, where there is one) and hibernate (S4) cycles with pwrtest from the WDK; 5 of each, or
rem as many as the first argument says. Play something meanwhile.
setlocal
call "%~dp0common.cmd" sleep
if errorlevel 1 exit /b 2
where pwrtest >nul 2>&1
if errorlevel 1 (
    call :say pwrtest is not here; it is in the WDK
    exit /b 2
)
set "TIMES=%~1"
if "%TIMES%"=="" set TIMES=5
powercfg /a | findstr /i /c:"Standby (S3)" >nul
if not errorlevel 1 (
    pwrtest /sleep /s:3 /c:%TIMES% /d:30 /p:30 >> "%LOG%" 2>&1
    if errorlevel 1 goto failed
)
pwrtest /sleep /s:4 /c:%TIMES% /d:30 /p:60 >> "%LOG%" 2>&1
if errorlevel 1 goto failed
sc query dmusmini | findstr /i "RUNNING" >nul
if errorlevel 1 goto failed
call :say the driver runs after all cycles
exit /b 0

:failed
call :say failed, see %LOG%
exit /b 1

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
