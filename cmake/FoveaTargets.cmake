# Flags that every target of the project shares, and one function a layer.

set(FOVEA_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror)
# GCC 12 warns of overlapping copies inside std::string where there are none (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND FOVEA_WARNINGS -Wno-restrict)
endif()

# Instruction sets live in files of their own: name_avx2.cc, name_avx512.cc, name_avx512_vnni.cc.
function(fovea_isa_flags)
  foreach(source IN LISTS ARGN)
    if(source MATCHES "_avx512_vnni\\.cc$")
      set(flags -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mfma -mf16c
                -Wno-uninitialized -Wno-maybe-uninitialized)
    elseif(source MATCHES "_avx512\\.cc$")
      # GCC 12's own AVX-512 header trips the warnings (its _mm512_undefined_ps is meant to be uninitialised).
      set(flags -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma -mf16c -Wno-uninitialized
                -Wno-maybe-uninitialized -Wno-uninitialized)
    elseif(source MATCHES "_avx2\\.cc$")
      set(flags -mavx2 -mfma -mf16c)
    else()
      continue()
    endif()
    if(FOVEA_SANITIZE MATCHES "undefined")
      # Checks of every pointer in unrolled kernels take the compiler minutes a file; ASan sees the same mistakes.
      list(APPEND flags -fno-sanitize=null,alignment,object-size,pointer-overflow,bounds)
    endif()
    set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "${flags}")
  endforeach()
endfunction()

function(fovea_target_options target)
  target_compile_options(${target} PRIVATE ${FOVEA_WARNINGS} -ffp-contract=off)
  if(FOVEA_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${FOVEA_SANITIZE} -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${FOVEA_SANITIZE})
  endif()
endfunction()

# fovea_layer(NAME): the static library fovea_NAME (fovea::NAME) of all sources below the current folder.
function(fovea_layer name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    list(FILTER sources EXCLUDE REGEX "_avx[^/]*\\.cc$")
  endif()
  fovea_isa_flags(${sources})
  add_library(fovea_${name} STATIC ${sources})
  add_library(fovea::${name} ALIAS fovea_${name})
  set_target_properties(fovea_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(fovea_${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>"
                                                  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/fovea>")
  target_compile_features(fovea_${name} PUBLIC cxx_std_20)
  fovea_target_options(fovea_${name})
endfunction()
