/// What is the same in all commands of one release.
package enum Release {
    package static let version = "0.1.0"
}
