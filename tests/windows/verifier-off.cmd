@echo off
rem Takes Driver Verifier's settings away. Takes effect after a restart.
rem 0: taken away. 1: refused. 2: a precondition is not met. /check only looks.
rem Log: %TEMP%\dmusmini-verifier-off.log
setlocal EnableExtensions DisableDelayedExpansion
set "ARGUMENT=%~1"
cd /d "%~dp0"
if not exist common.cmd exit /b 2
call .\common.cmd verifier-off
if errorlevel 1 exit /b 2
set "FOUND="
for %%p in (verifier.exe) do set "FOUND=%%~$PATH:p"
if "%FOUND%"=="" (
    call :say verifier is not here
    exit /b 2
)
if defined CHECK (
    call :say everything that verifier-off.cmd needs is here
    exit /b 0
)
verifier /query >> "%LOG%" 2>&1
verifier /reset >> "%LOG%" 2>&1
set "CODE=%ERRORLEVEL%"
rem 0: done. 1: an error. 2: done, needs a restart, which is the ordinary case.
for %%c in (0 2) do if "%CODE%"=="%%c" goto done
call :say verifier refused, see "%LOG%"
exit /b 1

:done
call :say off after the next restart
exit /b 0

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
