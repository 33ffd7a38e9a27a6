# `make install` and the Debian package. Included by the project, this file states what is installed and what the package
# contains. Run as a script (cmake -P) while installing, with PROGRAM, BIN_DIR and OUT, it writes the files that depend on the
# program or on where it is installed: the systemd units, and weir.toml from the table of settings.
if(CMAKE_SCRIPT_MODE_FILE)
  set(CONFIG_PATH /etc/weir/weir.toml)
  set(deploy ${CMAKE_CURRENT_LIST_DIR}/../deploy)
  file(READ ${deploy}/systemd/hardening.conf HARDENING)
  foreach(unit weir weir-producer weir-consumer@)
    configure_file(${deploy}/systemd/${unit}.service.in ${OUT}/${unit}.service @ONLY)
  endforeach()
  execute_process(COMMAND ${PROGRAM} config --template OUTPUT_VARIABLE settings COMMAND_ERROR_IS_FATAL ANY)
  # The units run in a file system that is read-only except for this directory.
  string(REPLACE "#data_dir = \"./weir-data\"" "data_dir = \"/var/lib/weir\"" settings "${settings}")
  if(NOT settings MATCHES "\ndata_dir = ")
    message(FATAL_ERROR "weir config --template has no line for data_dir")
  endif()
  file(WRITE ${OUT}/weir.toml
       "# Settings of the units weir, weir-producer and weir-consumer@. After a change: systemctl reload weir, or restart\n"
       "# where it says so. `CONFIG_FILE=${CONFIG_PATH} weir config` shows what is in force.\n\n${settings}")
  return()
endif()

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # only the program is installed, not what `all` builds
include(GNUInstallDirs)
set(generated ${CMAKE_BINARY_DIR}/install)
install(TARGETS weir RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(CODE "execute_process(COMMAND \${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:weir> -DOUT=${generated}
                -DBIN_DIR=\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}
                -P ${CMAKE_SOURCE_DIR}/cmake/install.cmake COMMAND_ERROR_IS_FATAL ANY)")
install(FILES ${generated}/weir.service ${generated}/weir-producer.service ${generated}/weir-consumer@.service
        DESTINATION lib/systemd/system)
install(FILES deploy/systemd/weir.sysusers DESTINATION lib/sysusers.d RENAME weir.conf)
install(PROGRAMS deploy/move-to-postgres DESTINATION share/weir)
install(FILES deploy/weir.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES README.md CHANGELOG.md docs/OPERATING.md docs/SETTINGS.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
# An existing file has the settings of this machine. In a package dpkg decides that (conffiles).
install(CODE "if(NOT EXISTS \$ENV{DESTDIR}/etc/weir/weir.toml)
                file(INSTALL ${generated}/weir.toml DESTINATION /etc/weir PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
              endif()")

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)  # the units name the final paths
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "Weir maintainers <weir@localhost.localdomain>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "real-time activity analytics in one program")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Accepts activity events over HTTP, stores them durably in Kafka or in a file,
 and counts events, page views and unique users by minute, hour and day.")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-client, python3, sqlite3")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates, init-system-helpers (>= 1.54), tzdata")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(conffiles ${CMAKE_BINARY_DIR}/conffiles)
file(WRITE ${conffiles} "/etc/weir/weir.toml\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${conffiles} ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
    ${CMAKE_SOURCE_DIR}/deploy/debian/prerm ${CMAKE_SOURCE_DIR}/deploy/debian/postrm)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/package)
include(CPack)
