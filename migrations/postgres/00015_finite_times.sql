-- +goose Up
-- A time that the driver cannot read would fail every read of its table. Such a time
-- can only have been written by hand; rows that hold one have to be repaired first.
ALTER TABLE api_keys ADD CONSTRAINT api_keys_finite_times CHECK (
    created_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    expires_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    revoked_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE changes ADD CONSTRAINT changes_finite_times CHECK (
    occurred_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE configuration_history ADD CONSTRAINT configuration_history_finite_times CHECK (
    changed_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE configurations ADD CONSTRAINT configurations_finite_times CHECK (
    created_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    updated_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE feature_flag_history ADD CONSTRAINT feature_flag_history_finite_times CHECK (
    changed_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE feature_flags ADD CONSTRAINT feature_flags_finite_times CHECK (
    created_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    updated_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE outbox ADD CONSTRAINT outbox_finite_times CHECK (
    occurred_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE relay_parked ADD CONSTRAINT relay_parked_finite_times CHECK (
    parked_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE relay_topics ADD CONSTRAINT relay_topics_finite_times CHECK (
    waits_since BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE service_health_history ADD CONSTRAINT service_health_history_finite_times CHECK (
    changed_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE service_instances ADD CONSTRAINT service_instances_finite_times CHECK (
    since BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    registered_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    updated_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');
ALTER TABLE service_registry ADD CONSTRAINT service_registry_finite_times CHECK (
    last_health_check BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    registered_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z' AND
    updated_at BETWEEN '0001-01-01Z' AND '9999-12-31 23:59:59.999999Z');

-- +goose Down
ALTER TABLE api_keys DROP CONSTRAINT api_keys_finite_times;
ALTER TABLE changes DROP CONSTRAINT changes_finite_times;
ALTER TABLE configuration_history DROP CONSTRAINT configuration_history_finite_times;
ALTER TABLE configurations DROP CONSTRAINT configurations_finite_times;
ALTER TABLE feature_flag_history DROP CONSTRAINT feature_flag_history_finite_times;
ALTER TABLE feature_flags DROP CONSTRAINT feature_flags_finite_times;
ALTER TABLE outbox DROP CONSTRAINT outbox_finite_times;
ALTER TABLE relay_parked DROP CONSTRAINT relay_parked_finite_times;
ALTER TABLE relay_topics DROP CONSTRAINT relay_topics_finite_times;
ALTER TABLE service_health_history DROP CONSTRAINT service_health_history_finite_times;
ALTER TABLE service_instances DROP CONSTRAINT service_instances_finite_times;
ALTER TABLE service_registry DROP CONSTRAINT service_registry_finite_times;
