# Installs exactly what package-lock.json names into the build folder TO, without running any
# package's scripts. The sources come along as links, so that node finds the packages beside them.
foreach(name package.json package-lock.json)
  file(COPY_FILE ${FROM}/${name} ${TO}/${name} ONLY_IF_DIFFERENT)
endforeach()
foreach(name build.mjs tsconfig.json src static)
  file(REMOVE ${TO}/${name})
  file(CREATE_LINK ${FROM}/${name} ${TO}/${name} SYMBOLIC)
endforeach()

execute_process(
  COMMAND ${NPM} ci --ignore-scripts --prefer-offline --no-audit --no-fund --no-update-notifier
          --loglevel=error --fetch-retries=2 --fetch-timeout=60000
  WORKING_DIRECTORY ${TO}
  RESULT_VARIABLE result
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${output}\n"
    "npm could not install the packages of the browser pages (listed in web/ui/package-lock.json). "
    "It needs its package registry or a filled cache once; a mirror is set with "
    "'npm config set registry URL'. -DNARTHEX_UI=OFF builds without the pages.")
endif()
file(TOUCH ${STAMP})
