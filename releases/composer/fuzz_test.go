package composer

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func FuzzParseManifest(f *testing.F) {
	for _, file := range []string{"testdata/manifests/module.json", "testdata/manifests/metapackage.json", "testdata/manifests/bom.json"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"a":"\ud83d\ude00\u0000","b":[{},[],-0.0e+1,true,null],"":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			return
		}
		encoded := m.Encode()
		again, err := ParseManifest(encoded)
		if err != nil {
			t.Fatalf("Encode wrote what ParseManifest refuses: %v\n%s", err, encoded)
		}
		if !bytes.Equal(encoded, again.Encode()) {
			t.Fatalf("encoded twice:\n%s\n%s", encoded, again.Encode())
		}
		compact, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var saved Manifest
		if err := json.Unmarshal(compact, &saved); err != nil || !saved.Equal(m) {
			t.Fatalf("saved and read again: %v\n%s", err, compact)
		}
		var want, got any
		data = bytes.TrimPrefix(data, []byte("\ufeff"))
		if err := errorsOf(json.Unmarshal(data, &want), json.Unmarshal(encoded, &got)); err != nil {
			return // a number too large for encoding/json
		}
		wantJSON, _ := json.Marshal(want)
		gotJSON, _ := json.Marshal(got)
		if !bytes.Equal(wantJSON, gotJSON) {
			t.Fatalf("the values changed from\n%s\nto\n%s", wantJSON, gotJSON)
		}
	})
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(`{"packages":[{"name":"a/b","version":"1.0","require":{"php":"*"},"autoload":{"psr-4":{}}}],"packages-dev":null}`))
	f.Add([]byte(`{"packages":[],"packages-dev":[{"name":"c/d","version":"dev-main","type":"metapackage","replace":[]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, err := ParseLock(data)
		if err != nil {
			return
		}
		for _, locked := range append(lock.Packages, lock.PackagesDev...) {
			if _, err := ParseName(string(locked.Name)); err != nil {
				t.Errorf("a name came through: %v", err)
			}
			if locked.Version != locked.Manifest.Version() || locked.Type != locked.Manifest.Type() {
				t.Errorf("%+v differs from its manifest %s", locked, locked.Manifest.Encode())
			}
			if locked.Autoload != nil && !json.Valid(locked.Autoload) {
				t.Errorf("autoload of %s: %s", locked.Name, locked.Autoload)
			}
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	f.Add("2.4.8-p3", "2.4.8", "103.0.8.1-a20260805+p3")
	f.Add("103.0.8.1-a20260805.1", "103.0.8.1-a20260805.2", "103.0.8.1-alpha20260805")
	f.Add("dev-main", "1.x-dev", "20210101-beta1")
	f.Add("2.0.0-RC1-dev", "2.0.0pl1", "v2.0@beta")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		versions := make([]Version, 0, 3)
		for _, s := range []string{a, b, c} {
			v, err := ParseVersion(s)
			if err != nil {
				return
			}
			numbers, _, _ := strings.Cut(v.Normalized(), "-")
			again, err := ParseVersion(v.Normalized())
			// A date has other than four numbers, and Composer reads 2021.101 as a date no more.
			if err == nil && strings.Count(numbers, ".") == 3 && v.Compare(again) != 0 {
				t.Errorf("%q is not the same as its normalized form %q", s, v.Normalized())
			}
			versions = append(versions, v)
		}
		for _, x := range versions {
			for _, y := range versions {
				if x.Compare(y) != -y.Compare(x) || (x.Normalized() == y.Normalized() && x.Compare(y) != 0) {
					t.Errorf("%q against %q: %d, the other way round %d", x, y, x.Compare(y), y.Compare(x))
				}
				for _, z := range versions {
					if x.Compare(y) <= 0 && y.Compare(z) <= 0 && x.Compare(z) > 0 {
						t.Errorf("%q <= %q <= %q, but the first is above the last", x, y, z)
					}
				}
			}
		}
	})
}

func FuzzParseConstraint(f *testing.F) {
	for _, constraint := range []string{
		"^2.0, !=2.2.16", "~8.2.0||~8.3.0||~8.4.0", ">=7.4 <8.5", "1.0 - 2.0", "dev-main as 2.4.8", "^7.0@beta", "100.4.*", "@dev", "<>1|==2",
	} {
		f.Add(constraint, "2.4.8-p3")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		v, err := ParseVersion(version)
		if err != nil {
			return
		}
		constraint, err := ParseConstraint(text)
		if err != nil {
			return
		}
		// The same alternative behind the first one adds nothing.
		text = strings.Trim(text, " \t\n\r\x00\x0b")
		if len(text+"||"+text) > maxText {
			return
		}
		twice, err := ParseConstraint(text + "||" + text)
		if err != nil {
			t.Errorf("%q twice: %v", text, err)
		} else if constraint.Matches(v) && !twice.Matches(v) {
			t.Errorf("%q matches %s, but not when it stands twice", text, v)
		}
	})
}
