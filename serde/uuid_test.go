package serde

import (
	"encoding/json"
	"strings"
	"testing"
)

const javaText = "10203040-5060-7080-90a0-b0c0d0e0f010"

func TestParseUUID(t *testing.T) {
	for _, text := range []string{javaText, strings.ToUpper(javaText)} {
		id, err := ParseUUID(text)
		if err != nil || id != javaID {
			t.Errorf("ParseUUID(%q) = %v, %v", text, id, err)
		}
		if got := id.String(); got != javaText {
			t.Errorf("String is %q, want %q", got, javaText)
		}
	}
}

func TestParseUUIDRefuses(t *testing.T) {
	var texts []string
	for i := range len(javaText) { // a wrong character in each place
		for _, c := range []string{"g", "/", ":", "@", "`", " ", "\x00"} {
			texts = append(texts, javaText[:i]+c+javaText[i+1:])
		}
	}
	texts = append(texts, "", "1-1-1-1-1", javaText[1:], javaText+"0", "{"+javaText+"}", "urn:uuid:"+javaText,
		strings.ReplaceAll(javaText, "-", "0"), strings.ReplaceAll(javaText, "-", ""))
	for _, text := range texts {
		id, err := ParseUUID(text)
		if err == nil {
			t.Errorf("ParseUUID(%q) has no error", text)
			continue
		}
		if id != (UUID{}) {
			t.Errorf("ParseUUID(%q) = %v with an error", text, id)
		}
		if strings.Contains(err.Error(), "3040") {
			t.Errorf("the error quotes the text: %v", err)
		}
		if _, err := UUIDs.Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%q) has no error", text)
		}
	}
}

func TestUUIDInJSON(t *testing.T) {
	b, err := json.Marshal(map[UUID]UUID{javaID: javaID})
	if want := `{"` + javaText + `":"` + javaText + `"}`; err != nil || string(b) != want {
		t.Errorf("JSON is %s (%v), want %s", b, err, want)
	}
	var back map[UUID]UUID
	if err := json.Unmarshal(b, &back); err != nil || back[javaID] != javaID {
		t.Errorf("read back: %v, %v", back, err)
	}
}
