// Package evaluation reads evaluation contexts from request bodies, for the operations of
// flags and of OFREP. It is no module: it registers no operation.
package evaluation
