import ClaroAPI
import SystemPackage
import Testing

@testable import ClaroFS

struct ErrnoTests {
    @Test(
        arguments: [
            (.notFound, .noSuchFileOrDirectory), (.forbidden, .permissionDenied), (.unauthorized, .permissionDenied),
            (.rateLimited, .resourceTemporarilyUnavailable), (.badRequest, .ioError), (.serverFault, .ioError),
            (.malformed, .ioError), (.connectionLost, .ioError), (.unreachable, .noRouteToHost), (.tls, .ioError),
            (.timeout, .timedOut), (.signedURLRejected, .ioError), (.cancelled, .interrupted),
        ] as [(APIError.Code, Errno)]
    )
    func `each error of the API has its errno`(code: APIError.Code, errno: Errno) {
        #expect(APIError(code, .getPrompt, "@acme/support:v1").errno == errno)
    }

    @Test func `only what the API says of a thing itself keeps an older one from being served`() {
        let verdicts = APIError.Code.allCases.filter { APIError($0, .getPrompt, "x").isVerdict }
        #expect(Set(verdicts) == [.notFound, .forbidden])
    }
}
