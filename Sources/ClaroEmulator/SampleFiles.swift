import Foundation

/// The sample library's attachments: small, real files of their kinds.
enum SampleFiles {
    /// A PDF of one page with one line of text for each of `lines` (PDF 32000-1, section 7.5).
    static func pdf(_ lines: [String]) -> Workspace.Attachment {
        let shown = lines.map { line in
            let escaped = line.replacing("\\", with: "\\\\").replacing("(", with: "\\(").replacing(")", with: "\\)")
            return "(\(escaped)) Tj T*"
        }
        let page = "BT /F1 12 Tf 16 TL 72 760 Td\n" + shown.joined(separator: "\n") + "\nET"
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 842] /Contents 4 0 R "
                + "/Resources << /Font << /F1 5 0 R >> >> >>",
            "<< /Length \(page.utf8.count) >>\nstream\n\(page)\nendstream",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ]
        var file = "%PDF-1.4\n"
        var offsets: [Int] = []
        for (index, object) in objects.enumerated() {
            offsets.append(file.utf8.count)
            file += "\(index + 1) 0 obj\n\(object)\nendobj\n"
        }
        let tableOffset = file.utf8.count
        file += "xref\n0 \(objects.count + 1)\n0000000000 65535 f \n"
        for offset in offsets {
            let digits = String(offset)
            file += String(repeating: "0", count: 10 - digits.count) + digits + " 00000 n \n"
        }
        file += "trailer\n<< /Size \(objects.count + 1) /Root 1 0 R >>\nstartxref\n\(tableOffset)\n%%EOF\n"
        return .text(file)
    }

    /// A WAV file: a triangle tone of 250 Hz, mono, 16 bits, 16,000 samples a second; 32,000 bytes for each second.
    static func wav(seconds: Int) -> Workspace.Attachment {
        var second: [UInt8] = []
        for sample in 0..<16_000 {
            let phase = sample % 64
            let level = Int16((phase < 32 ? phase : 64 - phase) * 512 - 8_192)
            withUnsafeBytes(of: level.littleEndian) { second += $0 }
        }
        let dataByteCount = UInt32(second.count * seconds)
        var file = Array("RIFF".utf8)
        let append = { (value: UInt32) in withUnsafeBytes(of: value.littleEndian) { file += $0 } }
        append(36 + dataByteCount)
        file += Array("WAVEfmt ".utf8)
        append(16)
        append(1 | 1 << 16)  // PCM, one channel
        append(16_000)
        append(32_000)
        append(2 | 16 << 16)  // bytes a frame, bits a sample
        file += Array("data".utf8)
        append(dataByteCount)
        for _ in 0..<seconds { file += second }
        return .bytes(file)
    }

    /// A blue ring, 24 pixels wide.
    static let logo = Workspace.Attachment.bytes(Array(Data(base64Encoded: logoText) ?? Data()))

    private static let logoText = """
        iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAIAAABvFaqvAAAAYElEQVR42u3UsQ0AIAhE0dvEER3cIbRXQSE/VhI7zSsETh0q\
        OXeltumEoZU4cgoRDqecslpKK5Ol0NeeofsGWS/3kD8yJhRSLOtDjyGs/eRAYitCLi0WI2SwkVELh3+iBn0mNYxu/xyTAAAA\
        AElFTkSuQmCC
        """
}
