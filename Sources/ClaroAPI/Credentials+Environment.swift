import Glibc

/// The environment block.
extension Credentials {
    /// Takes `$BAYT_API_KEY` out of the process's environment, overwriting its bytes, which `/proc/PID/environ` and
    /// `ps e` would show for as long as the process lives.
    ///
    /// Call it before a second thread exists: others may be reading the environment.
    package static func takeKeyFromEnvironment() -> String? {
        takeFromEnvironment("BAYT_API_KEY")
    }

    static func takeFromEnvironment(_ name: String) -> String? {
        var value: String?
        var entry = environ
        while let text = entry.pointee {
            entry += 1
            guard strncmp(text, name, strlen(name)) == 0, text[strlen(name)] == CChar(UInt8(ascii: "=")) else {
                continue
            }
            let valueStart = text + strlen(name) + 1
            value = value ?? String(cString: valueStart)
            explicit_bzero(valueStart, strlen(valueStart))
        }
        unsetenv(name)
        return value
    }
}
