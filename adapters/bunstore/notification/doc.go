// Package notification receives what processes send each other by PostgreSQL's NOTIFY.
//
// It is not for what must arrive: notifications are lost with the connection.
package notification
