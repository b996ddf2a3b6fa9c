{{ mrr_movements(ref('mrr_by_month'), ['customer_id']) }}
