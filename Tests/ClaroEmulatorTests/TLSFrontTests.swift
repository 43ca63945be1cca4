import ClaroEmulator
import Foundation
import Testing

struct TLSFrontTests {
    @Test func `the certificate is good for its name and its authority alone`() async throws {
        try await withEmulator(small) { emulator, _ in
            let front = try await onThread { try TLSFront(to: emulator) }
            let target = front.url + "/health"
            let curl = ["-sS", "--noproxy", "*", "--max-time", "20"]
            let trusted = try await runChild("curl", curl + ["--cacert", front.caFile, target])
            #expect(trusted.output == #"{"status":"ok"}"#)
            let untrusted = try await runChild("curl", curl + [target])
            #expect(untrusted.status == 60)
            let byAddress = target.replacing("localhost", with: "127.0.0.1")
            let misnamed = try await runChild("curl", curl + ["--cacert", front.caFile, byAddress])
            #expect(misnamed.status == 60)
            try await onThread { front.stop() }
            let gone = try await runChild("curl", curl + ["--cacert", front.caFile, target])
            #expect(gone.status != 0)
            #expect(!FileManager.default.fileExists(atPath: front.caFile))
        }
    }
}
