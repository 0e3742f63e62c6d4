package check

import (
	"slices"
	"testing"
)

func TestOnlyTimeIsUp(t *testing.T) {
	for _, c := range []struct {
		name, out string
		want      bool
	}{
		{"time ended while a worker was busy", "fuzz: elapsed: 6s, execs: 13 (0/sec)\n--- FAIL: FuzzName (5.13s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\texample/x\t5.158s\n", true},
		{"an input fails", "--- FAIL: FuzzName (0.03s)\n    --- FAIL: FuzzName (0.00s)\n        name_test.go:9: lost\n\n    Failing input written to testdata/fuzz/FuzzName/771e\nFAIL\n", false},
		{"an input whose error speaks of a deadline", "--- FAIL: FuzzName (0.03s)\n    --- FAIL: FuzzName (0.00s)\n    context deadline exceeded\nFAIL\n", false},
		{"a failing input beside the deadline", "    Failing input written to testdata/fuzz/FuzzName/771e\n--- FAIL: FuzzName (5.03s)\n    context deadline exceeded\nFAIL\n", false},
		{"a worker hangs", "--- FAIL: FuzzName (5.03s)\n    fuzzing process hung or terminated unexpectedly: exit status 2\nFAIL\n", false},
		{"it does not compile", "FAIL\texample/x [build failed]\nFAIL\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := onlyTimeIsUp(c.out); got != c.want {
				t.Errorf("onlyTimeIsUp = %t, want %t", got, c.want)
			}
		})
	}
}

// The project's own targets are found.
func TestFuzzTargets(t *testing.T) {
	t.Chdir("../..")
	targets, err := fuzzTargets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []fuzzTarget{
		{"github.com/mage-os/nightly/pipeline", "FuzzDecodeTree"}, {"github.com/mage-os/nightly/releases/composer", "FuzzParseLock"},
	} {
		if !slices.Contains(targets, want) {
			t.Errorf("%v is not among %d targets", want, len(targets))
		}
	}
}
