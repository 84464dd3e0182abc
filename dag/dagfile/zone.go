package dagfile

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// zoneCache keeps loaded zones: reading one costs more than a whole DAG file. Safe
// for concurrent use.
type zoneCache struct{ zones sync.Map }

var errNoZone = errors.New("no such zone")

func (c *zoneCache) load(name string) (*time.Location, error) {
	if loc, ok := c.zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	// Go takes these two for UTC and for the zone of the machine.
	if name == "" || name == "Local" {
		return nil, errNoZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("load zone %q: %w", name, err)
	}
	c.zones.Store(name, loc)
	return loc, nil
}
