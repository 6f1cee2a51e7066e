package describe

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
)

// Version is the version of the JSON form. It changes when a reader of the
// version before could not make sense of a document; new fields alone do not
// change it.
const Version = 1

// document is the JSON form: the version, then the fields of Topology.
type document struct {
	Version int `json:"version"`
	Topology
}

// JSON returns the description as an indented JSON object that ends with a line
// break:
//
//	{
//	  "version": 1,
//	  "subtopologies": [
//	    {
//	      "id": 0,
//	      "global": true,
//	      "nodes": [
//	        {
//	          "name": "…", "kind": "source" | "processor" | "sink",
//	          "topics": ["…"], "pattern": "…",
//	          "topic": "…", "topicFunc": "…",
//	          "stores": ["…"],
//	          "children": ["…"], "parents": ["…"],
//	          "place": "file:line"
//	        }
//	      ],
//	      "repartitionTopics": [{"name": "…", "partitions": 1, "configs": {"…": "…"}}],
//	      "changelogTopics": […],
//	      "stores": [{"name": "…", "kind": "…", "changelog": "…", "fromSource": true}],
//	      "copartitionGroups": [["…"]]
//	    }
//	  ]
//	}
//
// The fields are always in this order and mean what the fields of [Topology] do;
// configs are sorted by name. Empty ones are left out, except version,
// subtopologies, id, nodes, name and kind. Equal descriptions give equal bytes.
//
// A description that breaks a rule of [Topology] is an error, so that
// [ParseJSON] can read whatever was written.
func JSON(t Topology) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("topology description: %w", err)
	}
	b, err := json.Marshal(document{Version, t}, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return nil, fmt.Errorf("topology description: %w", err)
	}
	return append(b, '\n'), nil
}

// ParseJSON reads what [JSON] wrote. It ignores unknown fields. Another version,
// and a description that breaks a rule of [Topology], are errors.
func ParseJSON(data []byte) (Topology, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Topology{}, fmt.Errorf("topology description: %w", err)
	}
	if head.Version != Version {
		return Topology{}, fmt.Errorf("topology description: version %d cannot be read: want version %d", head.Version, Version)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return Topology{}, fmt.Errorf("topology description: %w", err)
	}
	if err := d.check(); err != nil {
		return Topology{}, fmt.Errorf("topology description: %w", err)
	}
	return d.Topology, nil
}
