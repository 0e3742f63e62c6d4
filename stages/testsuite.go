package stages

import "fmt"

// A TestSuite is what became of tests that packages have.
type TestSuite struct {
	Name     string `json:"name"` // as releases.Suites has it
	Packages int    `json:"packages"`
	Tests    int    `json:"tests"` // that were run, with the Skipped ones, which said why they cannot be
	Skipped  int    `json:"skipped"`
	// Failed are the tests that failed, in their order.
	Failed []FailedTest `json:"failed,omitempty"`
	// Passing are known to fail but pass; Gone are known, but there is no such test.
	Passing []string `json:"passing,omitempty"`
	Gone    []string `json:"gone,omitempty"`
}

// A FailedTest is a test that failed.
type FailedTest struct {
	Test    string  `json:"test"`    // Class::method with its data set
	Package string  `json:"package"` // that has the test
	Message string  `json:"message"`
	State   Failure `json:"state"`
}

// A Failure says what a failed test means.
type Failure string

// What a failed test means.
const (
	NewFailure   Failure = "new"   // makes the installation fail
	KnownFailure Failure = "known" // to the line, with a reason
	Flaky        Failure = "flaky" // it passed when it was run again alone
)

// Of are the failed tests of a kind.
func (t TestSuite) Of(kind Failure) (failed []FailedTest) {
	for _, f := range t.Failed {
		if f.State == kind {
			failed = append(failed, f)
		}
	}
	return failed
}

// String says it for people.
func (t TestSuite) String() string {
	text := fmt.Sprintf("%d %s tests of %d packages", t.Tests, t.Name, t.Packages)
	for _, part := range []struct {
		count int
		what  string
	}{
		{t.Skipped, "skipped"}, {len(t.Of(NewFailure)), "failed"}, {len(t.Of(KnownFailure)), "failed as known"}, {len(t.Of(Flaky)), "flaky"},
		{len(t.Passing), "known to fail but passed"}, {len(t.Gone), "known but gone"},
	} {
		if part.count > 0 {
			text += fmt.Sprintf(", %d %s", part.count, part.what)
		}
	}
	return text
}
