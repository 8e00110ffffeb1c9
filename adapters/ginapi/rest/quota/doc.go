// Package quota bounds what requests use together, such as the memory of responses.
package quota
