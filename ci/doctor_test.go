package ci

import (
	"bytes"
	"errors"
	"regexp"
	"testing"

	"github.com/mage-os/nightly/ci/tools"
)

// Without a wall the doctor does not say that everything can be installed here.
func TestDoctorWall(t *testing.T) {
	if lacking := tools.Missing(tools.Install); len(lacking) > 0 {
		t.Skip("there is no " + lacking[0].Program)
	}
	for line, wall := range map[string]error{
		`install +yes +php and composer are there, and a wall`:                                   nil,
		`install +alone +without keys and tokens, because there is no wall .*: bwrap is missing`: errors.New("bwrap is missing"),
	} {
		var out bytes.Buffer
		if err := diagnose(false, wall).print(&out); err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(line).Match(out.Bytes()) {
			t.Errorf("want %s:\n%s", line, out.String())
		}
	}
}
