package composer

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var seed = flag.Uint64("seed", 0, "seed of the versions and constraints that TestSemverAgainstComposer makes; 0 for a new one")

// TestSemverAgainstComposer makes versions and constraints and compares with what Composer answers about them now.
func TestSemverAgainstComposer(t *testing.T) {
	start := *seed
	if start == 0 {
		start = rand.Uint64()
	}
	t.Logf("again with -run %s -args -seed %d", t.Name(), start)
	made := maker{rand.New(rand.NewPCG(start, 0))}
	var versions, constraints []string
	for range 150 {
		versions = append(versions, made.version())
		constraints = append(constraints, made.constraint())
	}
	pairs, matches := compareWithComposer(t, askComposer(t, versions, constraints))
	t.Logf("%d pairs of versions, %d of constraint and version", pairs, matches)
}

// A maker makes versions and constraints: mostly good ones with numbers close together, sometimes broken ones.
type maker struct{ *rand.Rand }

func (m maker) pick(from ...string) string { return from[m.IntN(len(from))] }

func (m maker) version() string {
	switch m.IntN(20) {
	case 0:
		return m.pick("dev-main", "dev-master", "master", "dev-2.4-develop", "trunk", "dev-foo/bar")
	case 1:
		return m.pick("20210101", "2021.01.01", "2021-01", "20210101-0930", "20211231.7") + m.pick("", "", "-beta1", "-dev")
	case 2:
		return m.broken(m.numbers(4) + m.stability())
	case 3:
		return m.numbers(3) + m.pick(".x-dev", "-dev", ".*-dev", ".X-dev", "dev")
	}
	return m.pick("", "", "", "v") + m.numbers(4) + m.stability() + m.pick("", "", "", "", "+p3", "+build.5", "@dev", " as 1.0")
}

func (m maker) numbers(most int) string {
	parts := []string{m.pick("0", "1", "2", "2", "2", "8", "103")}
	for range m.IntN(most) {
		parts = append(parts, m.pick("0", "0", "1", "2", "3", "4", "4", "8", "10"))
	}
	return strings.Join(parts, ".")
}

func (m maker) stability() string {
	if m.IntN(2) == 0 {
		return ""
	}
	s := m.pick("-", "-", "-", ".", "_", "") + m.pick("a", "alpha", "b", "beta", "RC", "rc", "p", "pl", "patch", "stable", "P", "Beta")
	s += m.pick("", "1", "2", "3", "10", ".1", "-2", "20260805", "20260805.1", "20260805.2", "1.2.3")
	return s + m.pick("", "", "", "", "-dev", ".dev", "dev")
}

func (m maker) constraint() string {
	s := m.group()
	for m.IntN(4) == 0 {
		s += m.pick("||", " || ", "|", " | ") + m.group()
	}
	if m.IntN(15) == 0 {
		return m.broken(s)
	}
	return s
}

func (m maker) group() string {
	s := m.one()
	for m.IntN(3) == 0 {
		s += m.pick(",", ", ", " ", " , ", "  ") + m.one()
	}
	return s
}

func (m maker) one() string {
	flag := m.pick("", "", "", "", "@dev", "@beta", "@RC", "@stable", "@alpha")
	switch m.IntN(10) {
	case 0:
		return m.version() + flag
	case 1:
		return m.numbers(3) + m.pick(".*", ".x", ".X", ".*.*") + flag
	case 2:
		return fmt.Sprintf("%s%s - %s%s", m.numbers(4), m.stability(), m.numbers(4), m.stability())
	case 3:
		return m.pick("*", "x", "v*", "*.*", "@dev", "@beta", "@stable", "dev-main#abc", "2.x-dev#abc", "foo-dev", "dev-main as 2.0")
	case 4, 5:
		return m.pick("~", "^", "^", "~v", "^v") + m.numbers(4) + m.stability() + flag
	case 6:
		return m.pick("~", "^") + m.numbers(3) + m.pick(".x-dev", ".*-dev", "-dev", "+build") + flag
	}
	return m.pick("", "=", "==", "!=", "<>", "<", "<=", ">", ">=") + m.pick("", "", " ") + m.version() + flag
}

// broken leaves a character out, doubles it, or puts another in.
func (m maker) broken(s string) string {
	if s == "" {
		return s // a version that is broken already
	}
	at := m.IntN(len(s))
	return s[:at] + m.pick("", s[at:at+1]+s[at:at+1], "x", "-", ".", " ", ",", "@", "|", "=", "~", "^", "#", "+", "*") + s[at+1:]
}
