// Package settings reads what an operator decides: environment variables, and a
// .env file in the working folder beneath them. It is the one place that knows
// their names, defaults and rules, and the README's table and env.template are
// made from it.
//
// It is not for wiring: what a setting leads to is decided in bootstrap.
package settings
