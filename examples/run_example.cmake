# Runs PROGRAM with ARGUMENTS (@SCRATCH@ stands for a folder that is fresh) and checks its status and output.
cmake_minimum_required(VERSION 3.25)  # Before its policies, "@SCRATCH@" here would stand for the folder itself.
file(REMOVE_RECURSE "${SCRATCH}")
string(REPLACE "@SCRATCH@" "${SCRATCH}" arguments "${ARGUMENTS}")
execute_process(COMMAND "${PROGRAM}" ${arguments} RESULT_VARIABLE status OUTPUT_VARIABLE output
                ERROR_VARIABLE errors)
message("${output}${errors}")
if(NOT status EQUAL 0)
  message(FATAL_ERROR "exit status ${status}")
endif()
if(NOT output MATCHES "${EXPECTED}")
  message(FATAL_ERROR "the output does not match ${EXPECTED}")
endif()
