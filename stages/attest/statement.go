package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mage-os/nightly/pipeline"
)

// maxStatement bounds a statement, in bytes; that of a real night of
// 367 packages has less than 200 kB.
const maxStatement = 16 << 20

// A Statement is an in-toto statement: a predicate about files.
type Statement struct {
	Type      string                     // of the predicate
	Subjects  map[string]pipeline.Digest // SHA-256, by the file's name
	Predicate json.RawMessage
}

// statement writes an in-toto statement, the same bytes for the same content.
func statement(kind string, subjects []*intoto.ResourceDescriptor, predicate proto.Message) ([]byte, error) {
	fields, ok := predicate.(*structpb.Struct)
	if !ok {
		data, err := protojson.Marshal(predicate)
		if err != nil {
			return nil, err
		}
		fields = &structpb.Struct{}
		if err := protojson.Unmarshal(data, fields); err != nil {
			return nil, err
		}
	}
	s := &intoto.Statement{Type: intoto.StatementTypeUri, Subject: subjects, PredicateType: kind, Predicate: fields}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	data, err := protojson.Marshal(s)
	if err != nil {
		return nil, err
	}
	// protojson puts spaces at random, so that nobody relies on its bytes.
	var tight, out bytes.Buffer
	if err := json.Compact(&tight, data); err != nil {
		return nil, err
	}
	if err := json.Indent(&out, tight.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// subject is a file by its SHA-256.
func subject(name string, sum pipeline.Digest) *intoto.ResourceDescriptor {
	return &intoto.ResourceDescriptor{Name: name, Digest: map[string]string{"sha256": string(sum)}}
}

// ParseStatement reads an in-toto statement whose subjects have SHA-256.
func ParseStatement(data []byte) (*Statement, error) {
	if len(data) > maxStatement {
		return nil, fmt.Errorf("%d bytes; a statement has at most %d", len(data), maxStatement)
	}
	var s intoto.Statement
	if err := protojson.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("is no in-toto statement: %w", err)
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("is no in-toto statement: %w", err)
	}
	out := &Statement{Type: s.GetPredicateType(), Subjects: map[string]pipeline.Digest{}}
	for _, sub := range s.GetSubject() {
		if _, twice := out.Subjects[sub.GetName()]; twice {
			return nil, fmt.Errorf("names %q twice", sub.GetName())
		}
		out.Subjects[sub.GetName()] = pipeline.Digest(sub.GetDigest()["sha256"])
	}
	var err error
	out.Predicate, err = protojson.Marshal(s.GetPredicate())
	return out, err
}

// GitHub is a statement in the form that actions/attest takes, by the ends of the files'
// names: .json for predicate-path, .sha256 for subject-checksums, .type for predicate-type.
func (s *Statement) GitHub() (map[string][]byte, error) {
	var sums, predicate bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(s.Subjects)) {
		fmt.Fprintf(&sums, "%s  %s\n", s.Subjects[name], name)
	}
	if err := json.Indent(&predicate, s.Predicate, "", "  "); err != nil {
		return nil, err
	}
	return map[string][]byte{".json": predicate.Bytes(), ".sha256": sums.Bytes(), ".type": []byte(s.Type + "\n")}, nil
}
