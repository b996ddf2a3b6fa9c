{{ mrr_movements(ref('mrr_by_month_and_currency'), ['customer_id', 'currency'], amount='mrr_original') }}
