package store

import "encoding/json"

// MappedXCom is the XCom of one instance of a mapped task.
type MappedXCom struct {
	MapIndex int
	Value    json.RawMessage
}

// XCom is one stored XCom.
type XCom struct {
	TaskID   string
	MapIndex int // -1 for an unmapped task
	Key      string
	Value    json.RawMessage
}
