# Advanced Portfolio Management Example
import asyncio
import aiohttp
import numpy as np

class PortfolioManager:
    def __init__(self):
        self.base_url = "http://localhost:8900"
    
    async def create_optimized_portfolio(self, symbols, initial_value=100000):
        """Create and optimize a portfolio with specific symbols"""
        async with aiohttp.ClientSession() as session:
            # Create portfolio with symbols
            portfolio_config = {
                "portfolio_name": f"Optimized Portfolio ({', '.join(symbols)})",
                "symbols": symbols,
                "initial_value": initial_value,
                "cash_balance": initial_value * 0.1,
                "optimization_method": "mean_variance",
                "rebalance_frequency": "monthly"
            }
            
            async with session.post(f"{self.base_url}/portfolios/with-symbols", json=portfolio_config) as response:
                portfolio_result = await response.json()
                portfolio_id = portfolio_result["portfolio_id"]
                
            print(f"Created portfolio: {portfolio_id}")
            
            # Optimize portfolio
            optimization_config = {
                "method": "max_sharpe",
                "target_return": 0.12,
                "max_volatility": 0.18
            }
            
            async with session.post(f"{self.base_url}/portfolios/{portfolio_id}/optimize", json=optimization_config) as response:
                optimization_result = await response.json()
                
            print(f"Optimization completed in {optimization_result['optimization_time_ms']:.1f}ms")
            print(f"Expected return: {optimization_result['expected_return']:.1%}")
            print(f"Expected risk: {optimization_result['expected_risk']:.1%}")
            print(f"Sharpe ratio: {optimization_result['sharpe_ratio']:.2f}")
            
            # Apply optimized weights through rebalancing
            async with session.post(f"{self.base_url}/portfolios/{portfolio_id}/rebalance", json={"target_weights": optimization_result["target_weights"]}) as response:
                rebalance_result = await response.json()
                
            print(f"Rebalanced with {rebalance_result['trades_executed']} trades")
            print(f"Total turnover: ${rebalance_result['total_turnover']:,.2f}")
            
            return portfolio_id
    
    async def monitor_portfolio_performance(self, portfolio_id):
        """Monitor real-time portfolio performance"""
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.base_url}/portfolios/{portfolio_id}") as response:
                    portfolio = await response.json()
                
                print(f"\n=== Portfolio {portfolio_id} Performance ===")
                print(f"Total Value: ${portfolio['total_value']:,.2f}")
                
                metrics = portfolio['performance_metrics']
                print(f"Total Return: {metrics['total_return']:.1%}")
                print(f"Sharpe Ratio: {metrics['sharpe_ratio']:.2f}")
                print(f"Max Drawdown: {metrics['max_drawdown']:.1%}")
                print(f"Volatility: {metrics['volatility']:.1%}")
                
                # Position breakdown
                print("\n--- Position Breakdown ---")
                for symbol, position in portfolio['positions'].items():
                    print(f"{symbol}: ${position['market_value']:,.2f} ({position['weight']:.1%}) "
                          f"P&L: ${position['unrealized_pnl']:,.2f}")
                
                await asyncio.sleep(30)  # Update every 30 seconds
    
    async def rebalance_if_needed(self, portfolio_id, threshold=0.05):
        """Rebalance portfolio if weights drift beyond threshold"""
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self.base_url}/portfolios/{portfolio_id}") as response:
                portfolio = await response.json()
            
            # Check weight drift
            target_weights = portfolio.get('target_weights', {})
            current_positions = portfolio['positions']
            
            drift_detected = False
            for symbol, target_weight in target_weights.items():
                current_weight = current_positions.get(symbol, {}).get('weight', 0)
                drift = abs(current_weight - target_weight)
                
                if drift > threshold:
                    print(f"Weight drift detected for {symbol}: {drift:.1%} (threshold: {threshold:.1%})")
                    drift_detected = True
            
            if drift_detected:
                print("Executing rebalance...")
                async with session.post(f"{self.base_url}/portfolios/{portfolio_id}/rebalance", json={"target_weights": target_weights}) as response:
                    rebalance_result = await response.json()
                    
                print(f"Rebalance completed: {rebalance_result['trades_executed']} trades, "
                      f"cost: ${rebalance_result['execution_cost']:.2f}")

# Usage Example
async def main():
    manager = PortfolioManager()
    
    # Create and optimize portfolio
    tech_symbols = ["AAPL", "GOOGL", "MSFT", "NVDA", "TSLA"]
    portfolio_id = await manager.create_optimized_portfolio(tech_symbols, 500000)
    
    # Start monitoring
    await asyncio.gather(
        manager.monitor_portfolio_performance(portfolio_id),
        manager.rebalance_if_needed(portfolio_id, threshold=0.03)
    )

# Run portfolio management
asyncio.run(main())
