@echo off
rem Driver Verifier for dmusmini.sys: the standard checks (special pool, IRQL, pool tracking, I/O,
rem deadlocks, security, miscellaneous) and DDI compliance. Takes effect after a restart.
setlocal
call "%~dp0common.cmd" verifier-on
if errorlevel 1 exit /b 2
verifier /standard /driver dmusmini.sys >> "%LOG%" 2>&1
rem 0: set now. 1: needs a restart, which is the ordinary case.
if errorlevel 2 (
    call :say verifier refused, see %LOG%
    exit /b 1
)
verifier /querysettings >> "%LOG%" 2>&1
call :say on after the next restart; play something, then look at verifier /query
exit /b 0

:say
echo %*
echo %*>> "%LOG%"
exit /b 0
