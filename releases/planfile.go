package releases

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mage-os/nightly/releases/config"
)

// maxFile bounds plans and manifests, in bytes; those of Mage-OS have less than one
// MiB.
const maxFile = 32 << 20

// decodeFile reads a plan or a manifest into a value, of which read is the format. Of
// what is wrong the format is told first: that a program is too old is more to the
// point than the first key it does not know.
func decodeFile(kind string, format int, data []byte, value any, read *int) error {
	return decodeBounded(kind, maxFile, format, data, value, read)
}

// decodeBounded is decodeFile of at most so many bytes.
func decodeBounded(kind string, limit, format int, data []byte, value any, read *int) error {
	if len(data) > limit {
		return config.Errorf("%s: %d bytes; want at most %d", kind, len(data), limit)
	}
	err := jsonv2.Unmarshal(data, value, jsonv2.RejectUnknownMembers(true))
	if err == nil && *read == format {
		return nil
	}
	var head struct {
		Format *int `json:"format"`
	}
	switch errHead := jsonv2.Unmarshal(data, &head); {
	case errHead != nil:
		return config.Errorf("%s: %w", kind, located(data, errHead))
	case head.Format == nil:
		return config.Errorf("%s: it has no \"format\", so it is no %s of this program", kind, kind)
	case *head.Format != format:
		return config.Errorf("%s: it is of format %d, and this program (%s) reads format %d; use the program that made it", kind, *head.Format, Program, format)
	}
	return config.Errorf("%s: %w", kind, located(data, err))
}

// located puts the line before an error that knows its place.
func located(data []byte, err error) error {
	var syntax *jsontext.SyntacticError
	var kind *jsonv2.SemanticError
	offset := int64(-1)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("it ends in the middle, after %d bytes; was it cut off? Bring or make it again", len(data))
		offset = int64(len(data))
	case errors.As(err, &syntax):
		offset = syntax.ByteOffset
	case errors.As(err, &kind):
		offset = kind.ByteOffset
		if errors.Is(err, jsonv2.ErrUnknownName) {
			err = fmt.Errorf("unknown key %q in %s", kind.JSONPointer.LastToken(), cmp.Or(kind.JSONPointer.Parent(), "the outermost object"))
		}
	}
	if offset < 0 || offset > int64(len(data)) {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:offset], []byte("\n")), err)
}
