# Installs exactly what package-lock.json names into the build folder TO, without running any
# package's scripts. The sources come along as links, so that node finds the packages beside them.
foreach(name package.json package-lock.json)
  file(COPY_FILE ${FROM}/${name} ${TO}/${name} ONLY_IF_DIFFERENT)
endforeach()
foreach(name build.mjs tsconfig.json src static)
  file(REMOVE ${TO}/${name})
  file(CREATE_LINK ${FROM}/${name} ${TO}/${name} SYMBOLIC)
endforeach()

macro(npm_ci)
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --prefer-offline --no-audit --no-fund --no-update-notifier
            --loglevel=error --fetch-retries=2 --fetch-timeout=60000 ${ARGN}
    WORKING_DIRECTORY ${TO}
    RESULT_VARIABLE result
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output)
endmacro()

npm_ci()
if(NOT result EQUAL 0 AND output MATCHES "CERT|UNABLE_TO_VERIFY")
  # Behind a proxy with a certificate authority of its own. The lock file has a SHA-512 of every
  # package and npm refuses anything else, so the packages are the same whoever delivers them.
  message("The package registry's certificate is not trusted here; relying on the lock file's hashes")
  npm_ci(--strict-ssl=false)
endif()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${output}\n"
    "npm could not install the packages of the browser pages (listed in web/ui/package-lock.json). "
    "It needs its package registry or a filled cache once; a mirror is set with "
    "'npm config set registry URL'. -DNARTHEX_UI=OFF builds without the pages.")
endif()
file(TOUCH ${STAMP})
