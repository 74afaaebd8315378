package identity

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

// disputed are the vectors whose verdict is not the right one here, and why.
var disputed = map[int]string{
	346: "the key is for PS256, the token says PS384: the key's word counts",
	347: "the key is for ES521, which is no algorithm (RFC 7518, 3.1 has ES512)",
	350: "as 346",
	351: "as 347",
	367: "it is, byte for byte, a token that another vector calls valid",
	370: "as 367",
	372: "a ? in the header is not base64url (RFC 7515, 2)",
	373: "a ? in the payload is not base64url (RFC 7515, 2)",
}

// TestWycheproof holds signatures against the vectors of Project Wycheproof.
func TestWycheproof(t *testing.T) {
	data, err := fs.ReadFile(wycheproof.TestVectors, "json_web_signature_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		NumberOfTests int `json:"numberOfTests"`
		TestGroups    []struct {
			Comment         string
			Private, Public json.RawMessage
			Tests           []struct {
				ID      int `json:"tcId"`
				Comment string
				JWS     any
				Result  string
			}
		} `json:"testGroups"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seen, accepted := 0, 0
	for _, group := range file.TestGroups {
		public := group.Public
		if public == nil {
			public = group.Private
		}
		set, keyErr := parseKeys(public, KeyOptions{Symmetric: true, Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"}})
		for _, test := range group.Tests {
			seen++
			token, compact := test.JWS.(string)
			err := keyErr
			if err == nil && compact {
				var head header
				if head, _, err = split(token); err == nil {
					err = set.verify(token, head)
				}
			}
			good := err == nil && compact
			if good {
				accepted++
			}
			if (good != (test.Result == "valid")) != (disputed[test.ID] != "") {
				t.Errorf("%s, test %d (%s): verdict %v, want %s (%v)", group.Comment, test.ID, test.Comment, good, test.Result, err)
			}
		}
	}
	if seen != file.NumberOfTests || accepted == 0 {
		t.Errorf("%d of %d vectors seen, %d accepted", seen, file.NumberOfTests, accepted)
	}
}
