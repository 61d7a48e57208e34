@echo off
rem Driver Verifier for dmusmini.sys: the standard checks (special pool, IRQL, pool tracking, I/O,
rem deadlocks, security, miscellaneous) and DDI compliance. Takes effect after a restart.
rem 0: set. 1: refused. 2: a precondition is not met. /check only looks.
rem Log: %TEMP%\dmusmini-verifier-on.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd verifier-on
if errorlevel 1 exit /b 2
set "FOUND="
for %%p in (verifier.exe) do set "FOUND=%%~$PATH:p"
if "%FOUND%"=="" (
    call :say verifier is not here
    exit /b 2
)
if defined CHECK (
    call :say everything that verifier-on.cmd needs is here
    exit /b 0
)
verifier /standard /driver dmusmini.sys >> "%LOG%" 2>&1
set "CODE=%ERRORLEVEL%"
rem 0: done. 1: an error. 2: done, needs a restart, which is the ordinary case.
for %%c in (0 2) do if "%CODE%"=="%%c" goto done
call :say verifier refused, see "%LOG%"
exit /b 1

:done
verifier /querysettings >> "%LOG%" 2>&1
call :say on after the next restart; then run dmusctl selftest, and look at verifier /query
exit /b 0

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
