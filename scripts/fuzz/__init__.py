"""The long run of the fuzzer."""
