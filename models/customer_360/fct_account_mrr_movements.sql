{{ mrr_movements(ref('account_mrr_by_month'), ['account_id']) }}
