package composer

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLicense(t *testing.T) {
	tests := []struct {
		name, value string
		want        []string
	}{
		{"one", `"MIT"`, []string{"MIT"}},
		{"a choice", `["OSL-3.0","AFL-3.0"]`, []string{"OSL-3.0", "AFL-3.0"}},
		{"none", `[]`, []string{}},
		{"empty text", `""`, nil},
		{"absent", ``, nil},
		{"another kind", `{"type":"MIT"}`, nil},
		{"a list with another kind", `["MIT",1]`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, License(json.RawMessage(test.value))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
