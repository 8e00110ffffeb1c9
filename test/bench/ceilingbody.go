package main

import (
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Kinds of bodies that bare Gin decodes.
const (
	oneHeartbeat   = "heartbeat"
	manyHeartbeats = "heartbeats"
)

// decoder returns the function by which bare Gin decodes a body; it returns false for an
// invalid one.
func decoder(kind string) func(*gin.Context) bool {
	switch kind {
	case oneHeartbeat:
		return func(c *gin.Context) bool {
			var h bareHeartbeat
			return c.ShouldBindJSON(&h) == nil
		}
	case manyHeartbeats:
		return newBareLeases().renewAll
	}
	return func(*gin.Context) bool { return true }
}

// bareHeartbeat is a heartbeat as encoding/json decodes it.
type bareHeartbeat struct {
	ServiceName  string   `json:"service_name"`
	InstanceID   string   `json:"instance_id"`
	LeaseEpoch   int64    `json:"lease_epoch"`
	Status       *string  `json:"status"`
	ResponseTime *float64 `json:"response_time"`
}

// bareLeases is the minimum of a lease store: a map of expiries under a lock.
type bareLeases struct {
	mu   sync.Mutex
	ends map[[2]string]time.Time
}

func newBareLeases() *bareLeases { return &bareLeases{ends: map[[2]string]time.Time{}} }

// renewAll decodes a batch and renews each of its leases.
func (l *bareLeases) renewAll(c *gin.Context) bool {
	var batch struct {
		Heartbeats []bareHeartbeat `json:"heartbeats"`
	}
	if c.ShouldBindJSON(&batch) != nil {
		return false
	}
	end := time.Now().Add(time.Minute)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range batch.Heartbeats {
		l.ends[[2]string{h.ServiceName, h.InstanceID}] = end
	}
	return true
}
