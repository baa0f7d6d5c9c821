# For an emulator on this machine (AWS_ENDPOINT_URL).
environment      = "local"
emulator         = true
force_destroy    = true
log_level        = "DEBUG"
ask_before_apply = false
