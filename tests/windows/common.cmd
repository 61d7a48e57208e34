@echo off
rem Shared by the scripts, which put their first argument into ARGUMENT, go to this folder and call .\common.cmd NAME [TIMES].
rem "call" reads its line twice: a percent sign or a caret in the name of a folder would not survive it.
rem Sets PACKAGE, DMUSCTL, FIND, LOG, and two files to look into: ANSWER, and INSTALLED for what "dmusctl install" says, which
rem nothing else is written to: what an installation starts may hold it open. Sets CHECK when the argument is /check: then the
rem script only looks whether everything that it needs is here. With TIMES, the argument may be another number, which TIMES is
rem set to. Returns 2 when a precondition is not met.
set "PACKAGE=%~dp0.."
set "DMUSCTL=%~dp0..\dmusctl.exe"
set "LOG=%TEMP%\dmusmini-%~1.log"
set "ANSWER=%TEMP%\dmusmini-%~1.txt"
set "INSTALLED=%TEMP%\dmusmini-%~1-installed.txt"
set "CHECK="
set "TIMES=%~2"
rem A 32-bit prompt does not see all programs of Windows, and other systems' prompts have a "find" of their own in front.
if exist "%SystemRoot%\Sysnative\cmd.exe" set "PATH=%SystemRoot%\Sysnative;%PATH%"
set "FIND=%SystemRoot%\System32\find.exe"
> "%LOG%" echo %~1 started %DATE% %TIME%
if "%ARGUMENT%"=="" goto package
if /i "%ARGUMENT%"=="/check" (
    set "CHECK=1"
    goto package
)
if "%TIMES%"=="" (
    call :say usage: %~1.cmd [/check]
    exit /b 2
)
rem What is no number is taken for 0, or refused.
set "TIMES=0"
set /a "TIMES=ARGUMENT" >nul 2>&1
if "%TIMES%"=="%ARGUMENT%" if %TIMES% geq 1 goto package
call :say usage: %~1.cmd [/check, or a number of times]
exit /b 2

:package
if not exist "%PACKAGE%\dmusmini.inf" (
    call :say dmusmini.inf is not in the folder above this script
    exit /b 2
)
if not exist "%DMUSCTL%" (
    call :say dmusctl.exe is not in the folder above this script
    exit /b 2
)
rem Only administrators with all their rights may read the hive of the local service.
reg query HKU\S-1-5-19 >nul 2>&1
if errorlevel 1 (
    call :say run this script in an elevated command prompt
    exit /b 2
)
exit /b 0

:say
echo %*
>> "%LOG%" echo %*
exit /b 0
