@echo off
rem Takes Driver Verifier's settings away. Takes effect after a restart.
setlocal
call "%~dp0common.cmd" verifier-off
if errorlevel 1 exit /b 2
verifier /query >> "%LOG%" 2>&1
verifier /reset >> "%LOG%" 2>&1
if errorlevel 2 (
    echo verifier refused, see %LOG%
    exit /b 1
)
echo off after the next restart
exit /b 0
